"""Checks of documents: tables of the modules, links, and the names of settings and files."""

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

from deployed import DEPLOYED
from servers import ROOT

MODULES = sorted(path.parent for path in (ROOT / "infra").rglob("versions.tf") if ".terraform" not in path.parts)
DOCUMENTS = [path for path in ROOT.rglob("*.md") if "target" not in path.relative_to(ROOT).parts]
BEGIN, END = "<!-- BEGIN_TF_DOCS -->\n", "<!-- END_TF_DOCS -->"


def one_line(text):
    return " ".join(text.split())


def tables(module):
    """Requirements, inputs (those without a default first) and outputs of a module, as tables."""
    lines = ["## Requirements", "", "| name | version |", "|---|---|"]
    lines += [f"| terraform | {', '.join(module['required_core'])} |"]
    for name, provider in sorted(module["required_providers"].items()):
        # The provider of terraform_remote_state is built in, and has no version.
        if "version_constraints" not in provider:
            continue
        lines.append(f"| {name} | {', '.join(provider['version_constraints'])} |")
    lines += ["", "## Inputs", "", "| name | description | type | default |", "|---|---|---|---|"]
    for variable in sorted(module["variables"].values(), key=lambda variable: (not variable["required"], variable["name"])):
        # An object's attributes, with their defaults, are in variables.tf.
        kind = re.sub(r"object\(\{.*\}\)", "object", variable["type"], flags=re.DOTALL)
        default = "required" if variable["required"] else f"`{json.dumps(variable['default'])}`"
        lines.append(f"| {variable['name']} | {one_line(variable['description'])} | `{kind}` | {default} |")
    lines += ["", "## Outputs", "", "| name | description |", "|---|---|"]
    lines += [f"| {name} | {one_line(output['description'])} |" for name, output in sorted(module["outputs"].items())]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def inspect(go_programs):
    def run(directory):
        command = [go_programs / "terraform-config-inspect", "--json", directory]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return run


@pytest.mark.parametrize("directory", MODULES, ids=lambda path: path.name)
def test_tables_of_a_module_match_its_code(inspect, directory):
    readme = directory / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    found, after = rest.split(END)
    expected = tables(inspect(directory))
    if "UPDATE_README" in os.environ:
        readme.write_text(before + BEGIN + expected + END + after)
    else:
        assert found == expected, "run `UPDATE_README=1 bash tests/run.sh`"


def test_the_deployment_sets_all_required_variables_of_its_example(inspect):
    text = (ROOT / "infra/docs/DEPLOYMENT.md").read_text()
    given = set(re.findall(r"^(\w+) +=", text.split("<<TFVARS")[1].split("TFVARS\n")[0], re.MULTILINE))
    variables = inspect(ROOT / "infra/examples/one-account")["variables"]
    assert {name for name, variable in variables.items() if variable["required"]} <= given <= set(variables)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_are_not_broken(document):
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text())
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("document", sorted((ROOT / "infra/docs").glob("*.md")), ids=lambda path: path.name)
def test_settings_that_a_document_names_exist(document):
    known = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "README.md").read_text()))
    # A setting of the Python exporter, which UPGRADE.md maps to a new one.
    known.add("KUBECOST_ALLOCATION_API_PAGINATE")
    # Those of all programs.
    known |= {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
    named = set(re.findall(r"`((?!AWS_)[A-Z][A-Z0-9]*_[A-Z0-9_]+)`", document.read_text()))
    assert named - known == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_the_project_that_a_document_names_exist(document):
    named = re.findall(r"(?<![\w/.-])((?:infra|helm|tests|functions|shared)/[\w./-]+\w)", document.read_text())
    assert [name for name in named if not (ROOT / name).exists() and not name.startswith("shared/recordings/")] == []


def test_the_costs_are_what_the_script_computes():
    written = subprocess.run([sys.executable, ROOT / "infra/costs.py"], capture_output=True, text=True, check=True).stdout
    assert written in (ROOT / "infra/docs/COSTS.md").read_text(), "run `python3 infra/costs.py` and replace the table"
    alarms = [address for address in DEPLOYED if ".aws_cloudwatch_metric_alarm." in address]
    assert f"METRICS, ALARMS = 18, {len(alarms)}\n" in (ROOT / "infra/costs.py").read_text(), "the number of alarms has changed"
    rows = [row.split("|")[1:-1] for row in written.splitlines()[2:]]
    names = [name.strip() for name, *_ in rows]
    numbers = [[float(number.replace(",", "")) for number in row] for _, *row in rows]
    total = names.index("**Sum**")
    for column in range(6):
        assert abs(sum(row[column] for row in numbers[:total]) - numbers[total][column]) < 0.06


COMMANDS = [
    pytest.param(block, id=f"{document.name}-{number}")
    for document in sorted((ROOT / "infra/docs").glob("*.md"))
    for number, block in enumerate(re.findall(r"^ *```sh\n(.*?)^ *```", document.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("block", COMMANDS)
def test_commands_of_a_document_are_valid_for_the_shell(block):
    checked = subprocess.run(["bash", "-n"], input=textwrap.dedent(block), capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_policy_of_the_registry_lets_the_organization_pull_and_nothing_else(tmp_path):
    text = (ROOT / "infra/docs/DEPLOYMENT.md").read_text()
    command = re.search(r"^cat > ecr-policy\.json.*?^JSON$", text, re.MULTILINE | re.DOTALL).group()
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, env={**os.environ, "ORGANIZATION": "o-abcdef1234"}, check=True)
    [statement] = json.loads((tmp_path / "ecr-policy.json").read_text())["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
