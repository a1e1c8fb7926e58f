#!/usr/bin/env bash
# Finds Chromium, with which the tests open the report, or else unpacks Debian's packages of it: nothing is installed on the machine. Gets
# axe-core as well, which examines a page's accessibility. Prints their directory: `chromium` starts the browser, `axe.min.js` is axe-core.
set -euo pipefail

axe=4.14.1
axe_sha256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
cache=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}
directory=$cache/chromium-$(sha256sum <"$0" | cut -c 1-16)

missing() { echo "error: $1" >&2; exit 2; }

if [ -d "$directory" ]; then
    echo "$directory"
    exit
fi
mkdir -p "$cache"
# Moved at the end, so that an interrupted installation is not used.
unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
finished=$unfinished/finished
mkdir "$finished"

command -v npm >/dev/null || missing "npm is not installed: it downloads axe-core"
(cd "$unfinished" && npm pack --silent "axe-core@$axe" >&2) || missing "npm could not download axe-core $axe"
tar --extract --file "$unfinished/axe-core-$axe.tgz" --directory "$finished" --strip-components 1 package/axe.min.js package/LICENSE
echo "$axe_sha256  $finished/axe.min.js" | sha256sum --check --quiet >&2 || missing "axe-core $axe is not the file that was reviewed"

found=$(command -v chromium || command -v google-chrome || command -v chromium-headless-shell || true)
if [ -n "$found" ]; then
    ln --symbolic "$found" "$finished/chromium"
else
    command -v apt-get >/dev/null || missing "there is neither chromium nor google-chrome on PATH, nor Debian's apt-get to download it"
    echo "unpacking Debian's Chromium into $directory: downloading some 100 MB, the first time only" >&2
    # Lists and archives of its own: neither root is needed, nor is anything of the machine changed. Libraries that the machine has are used.
    mkdir -p "$unfinished/apt/lists/partial" "$unfinished/apt/archives/partial"
    apt() {
        apt-get --quiet --quiet -o "Dir::State::lists=$unfinished/apt/lists" -o "Dir::Cache=$unfinished/apt" -o Debug::NoLocking=1 \
            -o APT::Sandbox::User= "$@" >&2
    }
    apt update || missing "apt-get could not read Debian's list of packages"
    apt install --yes --download-only --no-install-recommends chromium-headless-shell fonts-inter fonts-dejavu-core ||
        missing "apt-get could not download chromium-headless-shell: install Chromium"
    for package in "$unfinished"/apt/archives/*.deb; do
        dpkg-deb --extract "$package" "$finished"
    done
    cat >"$finished/chromium" <<'END'
#!/usr/bin/env bash
# Debian's Chromium, with the libraries and fonts that were unpacked next to it.
here=$(dirname "$(readlink --canonicalize "$0")")
libraries=$(find "$here" -name '*.so*' -printf '%h\n' | sort --unique | paste --serial --delimiters :)
export LD_LIBRARY_PATH=$libraries XDG_DATA_HOME=$here/usr/share
if [ -d "$here/etc/fonts" ]; then
    export FONTCONFIG_PATH=$here/etc/fonts
fi
exec "$here/usr/lib/chromium/chromium-headless-shell" "$@"
END
    chmod +x "$finished/chromium"
fi
"$finished/chromium" --version >&2 || missing "Chromium does not start: install it"
mv --no-target-directory "$finished" "$directory" 2>/dev/null || [ -d "$directory" ]
echo "$directory"
