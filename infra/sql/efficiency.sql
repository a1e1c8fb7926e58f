-- Which workloads reserve much more than they use, and what does the difference cost? Biggest first.
-- Cores and GiB are averages over the hours that the workload's containers ran. Costs follow the larger of request and usage, so the unused
-- part is what was paid for and not used. The maxima are those of single containers, and NULL where the source does not report them.
SELECT
  currency,
  cluster_id,
  namespace,
  controller_kind,
  controller,
  sum(cpu_cores_requested * minutes) / 60 AS cpu_hours_requested,
  sum(cpu_cores_used * minutes) / 60 AS cpu_hours_used,
  max(cpu_cores_used_max) AS cpu_cores_max,
  sum(ram_bytes_requested * minutes) / 60 / 1073741824 AS ram_gib_hours_requested,
  sum(ram_bytes_used * minutes) / 60 / 1073741824 AS ram_gib_hours_used,
  max(ram_bytes_used_max) / 1073741824 AS ram_gib_max,
  sum(cpu_cost + ram_cost) AS cost,
  CASE
    WHEN sum(cpu_core_hours) > sum(cpu_cores_used * minutes) / 60
      THEN sum(cpu_cost) * (1 - sum(cpu_cores_used * minutes) / 60 / sum(cpu_core_hours))
    ELSE 0
  END + CASE
    WHEN sum(ram_byte_hours) > sum(ram_bytes_used * minutes) / 60
      THEN sum(ram_cost) * (1 - sum(ram_bytes_used * minutes) / 60 / sum(ram_byte_hours))
    ELSE 0
  END AS unused_cost
FROM costs
WHERE row_kind = 'workload'
GROUP BY 1, 2, 3, 4, 5
ORDER BY 13 DESC, 1, 2, 3, 4, 5
