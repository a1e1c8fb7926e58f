-- What do GPUs cost by model and namespace, and how much are they used? Usage is the average share of a GPU, weighted by hours; NULL where the
-- source does not report it.
SELECT
  currency,
  cluster_id,
  gpu_model,
  namespace,
  sum(gpu_hours) AS gpu_hours,
  sum(gpus_used * gpu_hours) / nullif(sum(CASE WHEN gpus_used IS NOT NULL THEN gpu_hours END), 0) AS usage,
  sum(gpu_cost) AS cost
FROM costs
WHERE gpu_cost <> 0 OR gpu_hours > 0
GROUP BY 1, 2, 3, 4
ORDER BY 7 DESC, 1, 2, 3, 4
