-- The view `costs`: one row for each row of the table, with names in snake_case, normalised values and no NULL in texts and costs.
-- Each part of the costs includes its adjustment. A row's kind is workload, idle, unmounted, unallocated or shared.
SELECT
  CAST("window.start" AS date) AS day,
  account_id,
  region,
  coalesce("properties.eksClusterName", '') AS cluster,
  concat(account_id, '/', region, '/', coalesce("properties.eksClusterName", '')) AS cluster_id,
  CASE
    WHEN coalesce("rowKind", '') <> '' THEN "rowKind"
    WHEN strpos("name", '__idle__') > 0 THEN 'idle'
    WHEN strpos("name", '__unmounted__') > 0 OR strpos("name", '-unmounted-pvcs') > 0 THEN 'unmounted'
    WHEN strpos("name", '__unallocated__') > 0 THEN 'unallocated'
    ELSE 'workload'
  END AS row_kind,
  coalesce(nullif("currency", ''), 'USD') AS currency,
  coalesce("name", '') AS name,
  coalesce("properties.namespace", '') AS namespace,
  coalesce("properties.controllerKind", '') AS controller_kind,
  coalesce("properties.controller", '') AS controller,
  coalesce("properties.pod", '') AS pod,
  coalesce("properties.container", '') AS container,
  coalesce("properties.node", '') AS node,
  coalesce("properties.providerID", '') AS provider_id,
  coalesce("properties.node_instance_type", '') AS instance_type,
  coalesce("properties.node_availability_zone", '') AS availability_zone,
  coalesce("properties.node_nodegroup", '') AS node_group,
  coalesce(nullif("capacityType", ''), replace(lower(coalesce("properties.node_capacity_type", '')), '_', '-')) AS capacity_type,
  coalesce("gpuModel", '') AS gpu_model,
  coalesce("minutes", 0) AS minutes,
  coalesce("cpuCoreHours", 0) AS cpu_core_hours,
  coalesce("cpuCoreRequestAverage", 0) AS cpu_cores_requested,
  coalesce("cpuCoreUsageAverage", 0) AS cpu_cores_used,
  "cpuCoreUsageMax" AS cpu_cores_used_max,
  coalesce("ramByteHours", 0) AS ram_byte_hours,
  coalesce("ramByteRequestAverage", 0) AS ram_bytes_requested,
  coalesce("ramByteUsageAverage", 0) AS ram_bytes_used,
  "ramByteUsageMax" AS ram_bytes_used_max,
  coalesce("gpuHours", 0) AS gpu_hours,
  "gpuUsageAverage" AS gpus_used,
  coalesce("pvByteHours", 0) AS pv_byte_hours,
  coalesce("networkTransferBytes", 0) AS network_transfer_bytes,
  coalesce("cpuCost", 0) + coalesce("cpuCostAdjustment", 0) AS cpu_cost,
  coalesce("ramCost", 0) + coalesce("ramCostAdjustment", 0) AS ram_cost,
  coalesce("gpuCost", 0) + coalesce("gpuCostAdjustment", 0) AS gpu_cost,
  coalesce("pvCost", 0) + coalesce("pvCostAdjustment", 0) AS pv_cost,
  coalesce("networkCost", 0) + coalesce("networkCostAdjustment", 0) AS network_cost,
  coalesce("loadBalancerCost", 0) + coalesce("loadBalancerCostAdjustment", 0) AS load_balancer_cost,
  coalesce("sharedCost", 0) AS shared_cost,
  coalesce("externalCost", 0) AS external_cost,
  coalesce("totalCost", 0) AS total_cost,
  labels,
  annotations,
  "namespaceLabels" AS namespace_labels
FROM kubecost_table
