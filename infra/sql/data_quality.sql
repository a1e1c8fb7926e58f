-- Is the data complete? For each cluster: its days, the days missing between the first and the last, rows, and rows that look wrong.
-- Partial and quarantined days are not in the table: `kubecost-lake status` lists them.
SELECT
  cluster_id,
  currency,
  CAST(min(day) AS varchar) AS first_day,
  CAST(max(day) AS varchar) AS last_day,
  count(DISTINCT day) AS days,
  date_diff('day', min(day), max(day)) + 1 - count(DISTINCT day) AS missing_days,
  count(*) AS row_count,
  sum(CASE WHEN total_cost < 0 AND row_kind <> 'idle' THEN 1 ELSE 0 END) AS negative_rows,
  sum(CASE WHEN minutes <= 0 AND row_kind = 'workload' THEN 1 ELSE 0 END) AS rows_without_minutes,
  sum(CASE WHEN row_kind = 'workload' AND instance_type = '' THEN 1 ELSE 0 END) AS rows_without_instance_type,
  sum(total_cost) AS cost
FROM costs
GROUP BY 1, 2
ORDER BY 1, 2
