"""The project's own words: names, comments, logs, errors and documents use the field's terms, and name no package registry's host."""

import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Build results, and what other tools keep in a checkout.
SKIPPED_DIRECTORIES = {".git", ".lake", ".terraform", "target", "__pycache__", ".pytest_cache"}
# Texts of others, responses of others, and this list.
SKIPPED = re.compile(r"LICENSE$|shared/report-html/assets/echarts/|.*\.lock(\.hcl)?$|.*/go\.(sum|mod)$|shared/recordings/.*\.json$|tests/readers/test_prose\.py$")

# Each word with what to write in its place. A blank in a pattern also stands for a line break within a comment, or an underscore within a name.
WORDS = {
    "passing (failures?|errors?|reasons?)": "transient error",
    "odd answers?": "response",
    "(an?|the|its|their|same|whole|raw|empty|staged|recorded|allocation|assets) answers?": "response",
    "(each|every|any|no|one|this|first|last|next|second) answer": "response",
    "answers? (is|are|was|were|has|have|of|from|cut)": "response",
    "['’]s? answers?": "response",
    "asks": "queries, requests, requires",
    "tells": "reports, says, shows",
    "told": "reported, given, configured",
    "what became of": "the result of",
    "believed?": "accepted",
    "anew": "again",
    "in silence": "silently",
    "borne": "tolerated",
    "rings": "fires",
    "lies": "is",
    "lest": "so that … not",
    "taken clusters?": "compromised cluster",
}
# The hosts' dots are escaped, so that this file does not name them either.
HOSTS = r"crates\.io|pypi\.org|pythonhosted\.org|npmj[s]\.|(proxy|sum)\.golang\.org|maven\.org|maven\.apache\.org|rubygems\.org"
WIDTH = 120

def pattern_of(words):
    gap = r"(?:[\s_]|//[/!]?|#)+"
    return re.compile(rf"(?<![A-Za-z])(?:{words.replace(' ', gap)})(?![A-Za-z])", re.IGNORECASE)


def texts():
    """The project's text files, by their path from the root."""
    for directory, directories, names in os.walk(ROOT):
        directories[:] = sorted(set(directories) - SKIPPED_DIRECTORIES)
        for name in sorted(names):
            path = pathlib.Path(directory, name)
            relative = path.relative_to(ROOT).as_posix()
            if path.is_symlink() or SKIPPED.match(relative):
                continue
            try:
                yield relative, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


TEXTS = dict(texts())


def found(pattern, text):
    """Line number and text of each match."""
    lines = text.splitlines()
    for match in pattern.finditer(text):
        number = text.count("\n", 0, match.start() + 1)
        yield number + 1, lines[min(number, len(lines) - 1)].strip()


def report(pattern, instead):
    return [
        f"{name}:{number}: {line} ({instead})"
        for name, text in TEXTS.items()
        for number, line in found(pattern, text)
    ]


def test_the_projects_files_are_found():
    assert {"README.md", ".ci/run", "infra/modules/pipeline/variables.tf", "functions/backfill/src/policy.rs"} <= TEXTS.keys()


@pytest.mark.parametrize("words", WORDS)
def test_words_that_have_a_plainer_one_occur_nowhere(words):
    hits = report(pattern_of(words), f"write: {WORDS[words]}")
    assert not hits, "\n".join(hits)


def test_no_file_names_the_host_of_a_package_registry():
    hits = report(re.compile(HOSTS), "name the package, or link its repository")
    assert not hits, "\n".join(hits)


def test_comments_of_rust_are_as_wide_as_its_code():
    hits = [
        f"{name}:{number}: {len(line)} characters, {WIDTH} at most"
        for name, text in TEXTS.items()
        if name.endswith(".rs")
        for number, line in enumerate(text.splitlines(), 1)
        # An address cannot be wrapped.
        if line.lstrip().startswith("//") and len(line) > WIDTH and "https://" not in line
    ]
    assert not hits, "\n".join(hits)


@pytest.mark.parametrize(
    "text",
    ["It tells which days.", "after a\n    /// passing failure", "the_answer_is_cut", "S3's answer", "Nothing is lost in\n# silence", "told of it", "asks for"],
)
def test_a_banned_word_is_found_across_lines_and_in_names(text):
    assert any(list(found(pattern_of(words), text)) for words in WORDS)


@pytest.mark.parametrize("text", ["the source answered 503", "S3 answers with status 404", "rustls with ring", "a request is repeated", "the newest day"])
def test_legitimate_words_are_left_alone(text):
    assert not any(list(found(pattern_of(words), text)) for words in WORDS)
