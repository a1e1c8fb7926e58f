-- What do volumes cost, unmounted ones first? Unmounted volumes are paid for and used by no pod.
SELECT
  currency,
  cluster_id,
  row_kind,
  namespace,
  sum(pv_byte_hours) / 1073741824 AS gib_hours,
  sum(pv_cost) AS cost
FROM costs
WHERE pv_cost <> 0 OR pv_byte_hours > 0
GROUP BY 1, 2, 3, 4
ORDER BY CASE WHEN row_kind = 'unmounted' THEN 0 ELSE 1 END, 6 DESC, 1, 2, 3, 4
