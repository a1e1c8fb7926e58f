-- How much of what the nodes cost is idle, by node group and capacity type? Sources that report idle costs of a whole cluster have no node group.
SELECT
  currency,
  cluster_id,
  node_group,
  capacity_type,
  sum(cpu_cost + ram_cost + gpu_cost) AS node_cost,
  sum(CASE WHEN row_kind = 'idle' THEN cpu_cost + ram_cost + gpu_cost ELSE 0 END) AS idle_cost,
  sum(CASE WHEN row_kind = 'idle' THEN cpu_cost + ram_cost + gpu_cost ELSE 0 END) / nullif(sum(cpu_cost + ram_cost + gpu_cost), 0) AS idle_share
FROM costs
WHERE row_kind <> 'unmounted'
GROUP BY 1, 2, 3, 4
ORDER BY 6 DESC, 1, 2, 3, 4
