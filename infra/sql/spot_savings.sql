-- What does spot capacity cost and save? Saved is an estimate: what the same core hours would cost at the cluster's own average price of
-- on-demand cores, less what they cost. NULL where the cluster has no on-demand cores to compare with.
WITH capacity AS (
  SELECT
    currency,
    cluster_id,
    capacity_type,
    sum(cpu_core_hours) AS cpu_core_hours,
    sum(cpu_cost) AS cpu_cost,
    sum(total_cost) AS cost
  FROM costs
  WHERE row_kind <> 'unmounted'
  GROUP BY 1, 2, 3
),
priced AS (
  SELECT
    currency,
    cluster_id,
    capacity_type,
    cpu_core_hours,
    cpu_cost,
    cost,
    cpu_cost / nullif(cpu_core_hours, 0) AS price_per_core_hour,
    max(CASE WHEN capacity_type = 'on-demand' THEN cpu_cost / nullif(cpu_core_hours, 0) END)
      OVER (PARTITION BY currency, cluster_id) AS on_demand_price
  FROM capacity
)
SELECT
  currency,
  cluster_id,
  capacity_type,
  cpu_core_hours,
  cost,
  price_per_core_hour,
  CASE WHEN capacity_type = 'spot' THEN cpu_core_hours * on_demand_price - cpu_cost END AS saved
FROM priced
ORDER BY 5 DESC, 1, 2, 3
