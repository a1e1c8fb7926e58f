"""The example of two accounts as Terraform renders it, see infra/render.sh."""

import json

from servers import ROOT

DEPLOYED = json.loads((ROOT / "tests/deployed.json").read_text())
TABLE = {"GLUE_DATABASE_NAME": "kubecost_db", "GLUE_TABLE_NAME": "kubecost_table"}
ASSETS_TABLE = "kubecost_table_assets"


def deployed(kind, module):
    """The resources of one kind in one module of the example."""
    return [values for address, values in DEPLOYED.items() if address.startswith(f"module.{module}.{kind}.")]


def role_arn(resource, module):
    return DEPLOYED[f"module.{module}.aws_iam_role.{resource}"]["arn"]


def object_rule(trigger):
    """The EventBridge rule for the objects that start a function; the crawler has a second one, for assets."""
    return DEPLOYED[f'module.pipeline.aws_cloudwatch_event_rule.object_created["{trigger}"]']


def notifications(functions):
    """The bucket's notifications, for the same keys as the example's EventBridge rules, which name the functions."""

    def notify(name, function):
        prefix, suffix = object_rule(name)["event_pattern"]["detail"]["object"]["key"][0]["wildcard"].split("*")
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        return {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}

    return {"LambdaFunctionConfigurations": [notify(name, function) for name, function in functions.items()]}


def create_tables(glue):
    """Creates the example's database, tables and view, and a crawler with the name that the crawler function starts."""
    glue.create_database(DatabaseInput={"Name": TABLE["GLUE_DATABASE_NAME"]})
    for resource in ['this["allocations"]', 'this["assets"]', "view"]:
        glue.create_table(DatabaseName=TABLE["GLUE_DATABASE_NAME"], TableInput=table_input(resource))
    crawler = DEPLOYED['module.pipeline.aws_lambda_function.this["crawler"]']["environment"][0]["variables"]["GLUE_CRAWLER_NAME"]
    role = role_arn("glue_crawler[0]", "pipeline")
    targets = {"CatalogTargets": [{"DatabaseName": TABLE["GLUE_DATABASE_NAME"], "Tables": [TABLE["GLUE_TABLE_NAME"], ASSETS_TABLE]}]}
    glue.create_crawler(Name=crawler, Role=role, DatabaseName=TABLE["GLUE_DATABASE_NAME"], Targets=targets)


def table_input(resource):
    """A table or view as Terraform sends it to Glue, without attributes that are not configured."""
    table = DEPLOYED[f"module.pipeline.aws_glue_catalog_table.{resource}"]
    storage = table["storage_descriptor"][0]
    serde = [
        configured(Name=serde["name"], SerializationLibrary=serde["serialization_library"], Parameters=serde["parameters"])
        for serde in storage["ser_de_info"]
    ]
    return configured(
        Name=table["name"],
        TableType=table["table_type"],
        Owner=table["owner"],
        Parameters=table["parameters"],
        PartitionKeys=columns(table["partition_keys"]),
        ViewOriginalText=table["view_original_text"],
        ViewExpandedText=table["view_expanded_text"],
        StorageDescriptor=configured(
            Columns=columns(storage["columns"]),
            Location=storage["location"],
            InputFormat=storage["input_format"],
            OutputFormat=storage["output_format"],
            SerdeInfo=serde[0] if serde else None,
        ),
    )


def configured(**values):
    return {name: value for name, value in values.items() if value}


def columns(rendered):
    return [{"Name": column["name"], "Type": column["type"]} for column in rendered]


def partitions(glue, table=TABLE["GLUE_TABLE_NAME"]):
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=TABLE["GLUE_DATABASE_NAME"], TableName=table)
    return [partition for page in pages for partition in page["Partitions"]]
