-- What is the bill of each cluster and day, with the assets that no allocation contains?
-- On OpenCost those are the cluster's fee and the nodes' own disks. `assets` is 'all', or 'nodes' or 'none' where the source gave no others, so
-- that the bill may lack them. Assets of a day without allocations do not count: the allocations decide whether a day is there.
WITH allocations AS (
  SELECT day, currency, cluster_id, sum(total_cost) AS cost
  FROM costs
  GROUP BY 1, 2, 3
),
assets AS (
  SELECT
    CAST("window.start" AS date) AS day,
    coalesce(nullif("currency", ''), 'USD') AS currency,
    concat(account_id, '/', region, '/', "properties.eksClusterName") AS cluster_id,
    min("scope") AS scope,
    sum(CASE WHEN NOT "covered" AND "type" = 'ClusterManagement' THEN coalesce("totalCost", 0) ELSE 0 END) AS cluster_fee,
    sum(CASE WHEN NOT "covered" AND "type" = 'Disk' THEN coalesce("totalCost", 0) ELSE 0 END) AS disks,
    sum(CASE WHEN NOT "covered" AND "type" NOT IN ('ClusterManagement', 'Disk') THEN coalesce("totalCost", 0) ELSE 0 END) AS others
  FROM kubecost_table_assets
  GROUP BY 1, 2, 3
)
SELECT
  CAST(allocations.day AS varchar) AS day,
  allocations.currency AS currency,
  allocations.cluster_id AS cluster_id,
  coalesce(assets.scope, 'none') AS assets,
  allocations.cost AS allocations,
  coalesce(assets.cluster_fee, 0) AS cluster_fee,
  coalesce(assets.disks, 0) AS disks,
  coalesce(assets.others, 0) AS others,
  allocations.cost + coalesce(assets.cluster_fee + assets.disks + assets.others, 0) AS bill
FROM allocations
LEFT JOIN assets
  ON assets.day = allocations.day AND assets.currency = allocations.currency AND assets.cluster_id = allocations.cluster_id
ORDER BY 1 DESC, 2, 9 DESC, 3
