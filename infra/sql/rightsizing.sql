-- Which requests could be lower? For each container of a workload: the average request, the average and the highest usage, and a request of
-- 120 % of the highest usage. Only containers whose source reports maxima: averages alone are no safe basis.
SELECT
  currency,
  cluster_id,
  namespace,
  controller_kind,
  controller,
  container,
  max(cpu_cores_requested) AS cpu_cores_requested,
  sum(cpu_cores_used * minutes) / nullif(sum(minutes), 0) AS cpu_cores_used,
  max(cpu_cores_used_max) AS cpu_cores_max,
  max(cpu_cores_used_max) * 1.2 AS cpu_cores_suggested,
  max(ram_bytes_requested) / 1073741824 AS ram_gib_requested,
  sum(ram_bytes_used * minutes) / nullif(sum(minutes), 0) / 1073741824 AS ram_gib_used,
  max(ram_bytes_used_max) / 1073741824 AS ram_gib_max,
  max(ram_bytes_used_max) / 1073741824 * 1.2 AS ram_gib_suggested,
  sum(cpu_cost + ram_cost) AS cost
FROM costs
WHERE row_kind = 'workload'
GROUP BY 1, 2, 3, 4, 5, 6
HAVING max(cpu_cores_requested) > max(cpu_cores_used_max) * 1.2 OR max(ram_bytes_requested) > max(ram_bytes_used_max) * 1.2
ORDER BY 15 DESC, 1, 2, 3, 4, 5, 6
