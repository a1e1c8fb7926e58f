"""The QuickSight definition that Terraform renders, deployed and deleted by cid-cmd with the commands in the documents.

Moto emulates AWS. The class QuickSight emulates what moto lacks: it stores requests that botocore has validated. No emulator has QuickSight's
expressions, visuals or SPICE, so these tests show that the definition is valid and refers to columns that exist, not how it looks.
"""

import csv
import json
import re
import shlex
import types

import boto3
import pytest
from moto import mock_aws

import cid.utils
from deployed import DEPLOYED, TABLE
from servers import ROOT

# On import, the command checks online for a newer version of itself.
cid.utils.get_latest_tool_version = lambda: "UNDEFINED"
from cid import cli, common  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:cid")

ACCOUNT = "123456789012"
DEFINITION = ROOT / "tests/quicksight.yaml"
BUCKET = "acme-cost-lake-7f3a"
DASHBOARD = "containers-cost-allocation"
DATASET = "cca_kubecost_view"
TYPES = {
    "string": {"Type": "STRING"},
    "double": {"Type": "DECIMAL", "SubType": "FLOAT"},
    "timestamp": {"Type": "DATETIME"},
    "boolean": {"Type": "BOOLEAN"},
}
VIEW = DEPLOYED["module.pipeline.aws_glue_catalog_table.view"]
VIEW_COLUMNS = [{"Name": column["name"], **TYPES[column["type"]]} for column in VIEW["storage_descriptor"][0]["columns"]]


class QuickSight:
    """Datasets, dashboards and schedules, and Athena's workgroups and columns of the view. A method handles the request of its name.

    If it returns nothing, moto handles the request.
    """

    def __init__(self, session):
        self.datasets, self.dashboards, self.schedules, self.workgroups = {}, {}, {}, set()
        self.view_columns = VIEW["storage_descriptor"][0]["columns"]
        for service in ["quicksight", "athena"]:
            session.events.register(f"before-parameter-build.{service}", self.note)
            session.events.register(f"before-call.{service}", self.respond)

    def note(self, params, context, **_):
        context["request"] = params

    def respond(self, model, context, **_):
        try:
            body = getattr(self, model.name, self.by_moto)(**context["request"])
            return body if body is None else (types.SimpleNamespace(status_code=200), body)
        except KeyError:
            error = {"quicksight": "ResourceNotFoundException", "athena": "InvalidRequestException"}[model.service_model.service_name]
            return types.SimpleNamespace(status_code=404), {"Error": {"Code": error, "Message": "WorkGroup is not found"}}

    def by_moto(self, **_):
        return None

    def ListDataCatalogs(self, **_):
        return {"DataCatalogsSummary": [{"CatalogName": "AwsDataCatalog", "Type": "GLUE"}]}

    def GetWorkGroup(self, WorkGroup):
        if WorkGroup not in self.workgroups:
            raise KeyError(WorkGroup)

    def CreateWorkGroup(self, Name, **_):
        self.workgroups.add(Name)

    def GetTableMetadata(self, DatabaseName, TableName, **_):
        if (DatabaseName, TableName) != (TABLE["GLUE_DATABASE_NAME"], VIEW["name"]):
            raise KeyError(TableName)
        return {"TableMetadata": {"Columns": [{"Name": column["name"], "Type": column["type"]} for column in self.view_columns]}}

    def DescribeAccountSubscription(self, **_):
        return {"AccountInfo": {"Edition": "ENTERPRISE", "AccountSubscriptionStatus": "ACCOUNT_CREATED"}}

    def ListDataSets(self, **_):
        return {"DataSetSummaries": [{"DataSetId": id, "Name": dataset["Name"]} for id, dataset in self.datasets.items()]}

    def CreateDataSet(self, DataSetId, **given):
        self.datasets[DataSetId] = {"DataSetId": DataSetId, "Arn": f"arn:aws:quicksight:us-east-1:{ACCOUNT}:dataset/{DataSetId}", **given}
        return {"DataSetId": DataSetId}

    def UpdateDataSet(self, DataSetId, **given):
        self.datasets[DataSetId].update(given)
        return {}

    def DescribeDataSet(self, DataSetId, **_):
        dataset = self.datasets[DataSetId]
        columns = [{"Name": column["Name"], "Type": column["Type"]} for column in input_columns(dataset)]
        columns += [{"Name": name, "Type": "STRING"} for name in calculated(dataset)]
        return {"DataSet": {**dataset, "OutputColumns": columns}}

    def DeleteDataSet(self, DataSetId, **_):
        del self.datasets[DataSetId]
        return {}

    def ListRefreshSchedules(self, DataSetId, **_):
        return {"RefreshSchedules": self.schedules.get(DataSetId, [])}

    def CreateRefreshSchedule(self, DataSetId, Schedule, **_):
        self.schedules.setdefault(DataSetId, []).append(Schedule)
        return {}

    def UpdateRefreshSchedule(self, DataSetId, Schedule, **_):
        self.schedules[DataSetId] = [Schedule]
        return {}

    def ListDashboards(self, **_):
        return {"DashboardSummaryList": [{"DashboardId": id} for id in self.dashboards]}

    def CreateDashboard(self, DashboardId, **given):
        self.dashboards[DashboardId] = given
        return {"VersionArn": f"arn:aws:quicksight:us-east-1:{ACCOUNT}:dashboard/{DashboardId}/version/1"}

    def UpdateDashboard(self, DashboardId, **given):
        self.dashboards[DashboardId].update(given)
        return {"VersionArn": f"arn:aws:quicksight:us-east-1:{ACCOUNT}:dashboard/{DashboardId}/version/2"}

    def UpdateDashboardPublishedVersion(self, **_):
        return {}

    def DescribeDashboardDefinition(self, DashboardId, **_):
        return {"Definition": self.dashboards[DashboardId]["Definition"]}

    def DescribeDashboard(self, DashboardId, **_):
        given = self.dashboards[DashboardId]
        arns = [declaration["DataSetArn"] for declaration in given["Definition"]["DataSetIdentifierDeclarations"]]
        version = {"Status": "CREATION_SUCCESSFUL", "VersionNumber": 1, "DataSetArns": arns}
        arn = f"arn:aws:quicksight:us-east-1:{ACCOUNT}:dashboard/{DashboardId}"
        return {"Dashboard": {"DashboardId": DashboardId, "Arn": arn, "Name": given["Name"], "Version": version}}

    def UpdateDashboardPermissions(self, **_):
        return {}

    def DeleteDashboard(self, DashboardId, **_):
        del self.dashboards[DashboardId]
        return {}


class Machine:
    """A machine with a terminal, on which cid-cmd runs."""

    def __init__(self, directory, patch):
        self.prompts = []
        self.quicksight = QuickSight(session := boto3.Session(region_name="us-east-1"))
        patch.chdir(directory)
        patch.setattr(cid.utils, "get_boto_session", lambda **_: session)
        # It downloads a catalog of dashboards, reports each deployment to AWS, and waits for the propagation of roles.
        patch.setattr(common.Cid, "load_catalog", lambda *_: None)
        patch.setattr(common.Cid, "track", lambda *_: None)
        patch.setattr("time.sleep", lambda _: None)
        # It always exits with 0, and only logs errors.
        patch.setattr(cli.logger, "error", lambda message: pytest.fail(str(message)))
        patch.setattr(cid.utils, "isatty", lambda: True)
        patch.setattr(common, "isatty", lambda: True)
        patch.setattr(cid.utils.inquirer, "fuzzy", self.prompt)
        patch.setattr(cid.utils.inquirer, "select", self.prompt)

    def prompt(self, message, choices, **_):
        """Selects the first choice, or the one that accepts a change."""
        name = re.match(r"\[([\w-]+)]", message).group(1)
        assert name not in self.prompts, f"it repeats the prompt {message}"
        self.prompts.append(name)
        values = [choice.value for choice in choices]
        choice = "proceed and override" if "proceed and override" in values else values[0]
        return types.SimpleNamespace(execute=lambda: choice)

    def run(self, document, command, *more):
        """Runs the command in the document."""
        lines = (ROOT / "infra/docs" / document).read_text().replace("\\\n", " ").splitlines()
        line = next(line for line in lines if line.strip().startswith(f"cid-cmd {command}"))
        words = shlex.split(line.replace("$BUCKET", "acme-cost-lake-7f3a"))
        # Each command would be a process of its own.
        cid.utils.params.clear()
        cid.utils.defaults.clear()
        cid.utils.set_parameters({}, all_yes=False)
        self.prompts.clear()
        cli.main([*words[1:], *more], standalone_mode=False)


@pytest.fixture
def machine(tmp_path):
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        machine = Machine(tmp_path, patch)
        athena = boto3.client("athena", "us-east-1")
        athena.start_query_execution(QueryString=f"CREATE DATABASE {TABLE['GLUE_DATABASE_NAME']}")
        (tmp_path / "cca.yaml").write_text(DEFINITION.read_text())
        yield machine


@pytest.fixture
def quicksight(machine):
    machine.run("DEPLOYMENT.md", "deploy")
    return machine.quicksight


@pytest.fixture(scope="module")
def dataset():
    """The dataset as cid-cmd reads it from the file."""
    tool = common.Cid(yes=False, verbose=0)
    tool.load_resource_file(str(DEFINITION), str(ROOT))
    return tool.get_data_from_definition(tool.get_definition("dataset", name=DATASET))


def input_columns(dataset):
    [table] = dataset["PhysicalTableMap"].values()
    return table["RelationalTable"]["InputColumns"]


def transforms(dataset, kind):
    [table] = dataset["LogicalTableMap"].values()
    return [transform[kind] for transform in table["DataTransforms"] if kind in transform]


def created_columns(dataset):
    return [column for created in transforms(dataset, "CreateColumnsOperation") for column in created["Columns"]]


def calculated(dataset):
    return [column["ColumnName"] for column in created_columns(dataset)]


def test_the_dataset_has_the_views_columns_and_types_and_no_nested_ones(dataset):
    assert input_columns(dataset) == VIEW_COLUMNS
    [table] = dataset["PhysicalTableMap"].values()
    assert (table["RelationalTable"]["Schema"], table["RelationalTable"]["Name"]) == (TABLE["GLUE_DATABASE_NAME"], VIEW["name"])
    columns = DEPLOYED['module.pipeline.aws_glue_catalog_table.this["allocations"]']["storage_descriptor"][0]["columns"]
    nested = [column["name"] for column in columns if "<" in column["type"]]
    assert nested == ["labels", "annotations", "services", "pvs", "lballocations", "namespacelabels", "namespaceannotations"]
    assert not set(nested) & {column["Name"] for column in input_columns(dataset)}


def test_configured_labels_and_annotations_are_columns(dataset):
    keys = ["properties.labels.team", "properties.labels.app.kubernetes.io/name", "properties.annotations.example.com/owner"]
    assert [column for column in input_columns(dataset) if column["Name"] in keys] == [{"Name": key, "Type": "STRING"} for key in keys]


def test_the_projection_lists_each_column_once_and_no_other(dataset):
    [projection] = transforms(dataset, "ProjectOperation")
    assert projection["ProjectedColumns"] == [column["Name"] for column in VIEW_COLUMNS] + calculated(dataset)
    assert len(set(projection["ProjectedColumns"])) == len(projection["ProjectedColumns"])
    used = re.findall(r"{(.*?)}", json.dumps([column["Expression"] for column in created_columns(dataset)]))
    used += [tagged["ColumnName"] for tagged in transforms(dataset, "TagColumnOperation")]
    assert used and set(used) <= set(projection["ProjectedColumns"])


def test_the_public_dashboard_finds_its_columns(dataset):
    # The template is not published. Its dataset is, in cid/containers_cost_allocation.yaml of awslabs/containers-cost-allocation-dashboard:
    # the predecessor's 58 columns, the partition keys, and one calculated column. Its visuals can use no other.
    rows = csv.DictReader(open(ROOT / "shared/table/tests/table-columns.csv"))
    wanted = [{"Name": row["glue_column"], **TYPES[row["glue_type"]]} for row in rows]
    wanted += [{"Name": name, "Type": "STRING"} for name in ["account_id", "region", "year", "month"]]
    assert len(wanted) == 62
    assert [column for column in input_columns(dataset) if column in wanted] == wanted
    assert calculated(dataset) == ["region_code", "currency_code"]


def data_source():
    client = boto3.client("quicksight", "us-east-1")
    return client.describe_data_source(AwsAccountId=ACCOUNT, DataSourceId="kubecost-lake")["DataSource"]


def test_the_documented_command_deploys_dataset_and_dashboard(quicksight, dataset):
    [made] = quicksight.datasets.values()
    given = json.loads(json.dumps(dataset).replace("${athena_datasource_arn}", data_source()["Arn"]))
    assert {name: made[name] for name in given} == given
    assert "$" not in json.dumps(made)
    definition = quicksight.dashboards[DASHBOARD]["Definition"]
    assert definition["DataSetIdentifierDeclarations"] == [{"Identifier": DATASET, "DataSetArn": made["Arn"]}]


def found(document, key):
    """All values of that key in a document, at any depth."""
    if isinstance(document, dict):
        return [value for name, value in document.items() if name == key] + [value for inner in document.values() for value in found(inner, key)]
    return [value for inner in document for value in found(inner, key)] if isinstance(document, list) else []


def test_the_dashboard_uses_columns_of_the_dataset_and_has_each_label(quicksight, dataset):
    definition = quicksight.dashboards[DASHBOARD]["Definition"]
    columns = {column["Name"]: column["Type"] for column in input_columns(dataset)} | dict.fromkeys(calculated(dataset), "STRING")
    used = found(definition, "Column")
    assert {column["DataSetIdentifier"] for column in used} == {DATASET}
    assert {column["ColumnName"] for column in used} <= set(columns)
    for field, type in [("NumericalMeasureField", "DECIMAL"), ("DateDimensionField", "DATETIME"), ("CategoricalDimensionField", "STRING")]:
        assert {columns[measure["Column"]["ColumnName"]] for measure in found(definition, field)} == {type}
    [labels] = [sheet for sheet in definition["Sheets"] if sheet["Name"] == "Labels"]
    keys = {"properties.labels.team", "properties.labels.app.kubernetes.io/name", "properties.annotations.example.com/owner"}
    assert keys <= {column["ColumnName"] for column in found(labels["Visuals"], "Column")}
    assert keys <= {column["ColumnName"] for column in found(definition["FilterGroups"], "Column")}


def test_no_visual_adds_two_currencies(quicksight):
    visuals = [visual for sheet in quicksight.dashboards[DASHBOARD]["Definition"]["Sheets"] for visual in sheet["Visuals"]]
    adding = [visual for visual in visuals if found(visual, "NumericalMeasureField")]
    assert len(adding) == len(visuals) > 6
    for visual in adding:
        assert "currency_code" in {dimension["Column"]["ColumnName"] for dimension in found(visual, "CategoricalDimensionField")}


def test_ids_of_the_dashboard_are_unique_and_its_references_exist(quicksight):
    definition = quicksight.dashboards[DASHBOARD]["Definition"]
    for key in ["VisualId", "FilterControlId", "FilterGroupId", "FilterId"]:
        ids = found(definition, key)
        assert ids and len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,512}", id) for id in ids), key
    assert set(found(definition, "SourceFilterId")) == set(found(definition, "FilterId"))
    scoped = {scope["SheetId"] for group in definition["FilterGroups"] for scope in found(group, "SheetVisualScopingConfigurations")[0]}
    assert scoped == {sheet["SheetId"] for sheet in definition["Sheets"]}
    for visual in [visual for sheet in definition["Sheets"] for visual in sheet["Visuals"]]:
        fields = found(visual, "FieldId")
        sorted_by = [sort["FieldId"] for sort in found(visual, "FieldSort")]
        assert set(sorted_by) <= set(fields)
    # QuickSight's limits for a sheet and a dashboard.
    assert all(len(sheet["Visuals"]) <= 50 and len(sheet["FilterControls"]) <= 200 for sheet in definition["Sheets"]) and len(definition["Sheets"]) <= 20


def test_the_documented_command_prompts_for_the_role_the_owner_and_sharing_only(machine, quicksight):
    assert machine.prompts == ["quicksight-datasource-role", "quicksight-owner-choice", "share-with-account"]


def test_quicksight_may_read_the_lakes_bucket_by_the_created_role(quicksight):
    parameters = data_source()["DataSourceParameters"]["AthenaParameters"]
    assert parameters["WorkGroup"] == "CID"
    iam = boto3.client("iam")
    [policy] = iam.list_attached_role_policies(RoleName=parameters["RoleArn"].split("/")[-1])["AttachedPolicies"]
    document = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
    readable = {statement["Sid"]: statement["Resource"] for statement in document["Statement"]}
    assert f"arn:aws:s3:::{BUCKET}/*" in readable["AllowReadBucket"]
    assert any(resource.endswith(f":table/{TABLE['GLUE_DATABASE_NAME']}/*") for resource in readable["AllowGlue"])


def test_spice_is_refreshed_once_a_day_after_the_exporters_have_run(quicksight):
    [[schedule]] = quicksight.schedules.values()
    frequency = schedule["ScheduleFrequency"]
    assert (schedule["RefreshType"], frequency["Interval"], frequency["Timezone"]) == ("FULL_REFRESH", "DAILY", "Etc/UTC")
    assert "06:00" <= frequency["TimeOfTheDay"] < "07:00"


def test_a_changed_label_updates_the_existing_dataset(machine, quicksight, tmp_path):
    [before] = quicksight.datasets.values()
    label, new = "properties.labels.team", "properties.labels.squad"
    expected = json.loads(json.dumps(input_columns(before)).replace(label, new))
    (tmp_path / "cca.yaml").write_text(DEFINITION.read_text().replace(label, new))
    quicksight.view_columns = [{**column, "name": column["name"].replace(label, new)} for column in quicksight.view_columns]
    machine.run("DEPLOYMENT.md", "deploy", "--update", "yes")
    [after] = quicksight.datasets.values()
    assert input_columns(after) == expected
    assert (after["DataSetId"], machine.prompts) == (before["DataSetId"], ["dataset-cca-kubecost-view-override"])


def test_the_predecessors_dashboard_uses_this_dataset_after_an_update(machine, quicksight, dataset):
    # The predecessor's definition deploys the same dashboard on a dataset with another ID and without labels.
    [old] = json.loads(json.dumps(list(quicksight.datasets.values())).replace(dataset["DataSetId"], "53076fa4"))
    [table] = old["PhysicalTableMap"].values()
    table["RelationalTable"]["InputColumns"] = [column for column in VIEW_COLUMNS if not column["Name"].startswith("properties.labels.")]
    quicksight.datasets = {"53076fa4": old}
    quicksight.dashboards = json.loads(json.dumps(quicksight.dashboards).replace(dataset["DataSetId"], "53076fa4"))
    machine.run("DEPLOYMENT.md", "deploy", "--update", "yes")
    [made] = quicksight.datasets.values()
    assert (made["DataSetId"], input_columns(made)) == ("53076fa4", VIEW_COLUMNS)


def test_the_documented_command_deletes_dashboard_and_dataset(machine, quicksight):
    machine.run("CLEANUP.md", "delete")
    assert (quicksight.dashboards, quicksight.datasets, machine.prompts) == ({}, {}, [])
