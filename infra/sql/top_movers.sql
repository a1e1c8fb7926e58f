-- Which namespaces changed most, week on week? Costs per day: of the 7 newest days of the lake, and of the 7 days before them.
-- Days that the lake lacks are not counted. Without any day of its cluster in a week, a cost is NULL: it is unknown, not 0.
WITH weeks AS (
  SELECT
    currency,
    cluster_id,
    namespace,
    day,
    total_cost,
    CASE WHEN day > (SELECT max(day) FROM costs) - INTERVAL '7' DAY THEN 1 ELSE 0 END AS newest
  FROM costs
  WHERE day > (SELECT max(day) FROM costs) - INTERVAL '14' DAY
),
days AS (
  SELECT
    cluster_id,
    count(DISTINCT CASE WHEN newest = 1 THEN day END) AS newest_days,
    count(DISTINCT CASE WHEN newest = 0 THEN day END) AS previous_days
  FROM weeks
  GROUP BY 1
)
SELECT
  weeks.currency,
  weeks.cluster_id,
  weeks.namespace,
  sum(CASE WHEN newest = 0 THEN total_cost ELSE 0 END) / nullif(max(previous_days), 0) AS previous_per_day,
  sum(CASE WHEN newest = 1 THEN total_cost ELSE 0 END) / nullif(max(newest_days), 0) AS newest_per_day,
  sum(CASE WHEN newest = 1 THEN total_cost ELSE 0 END) / nullif(max(newest_days), 0)
    - sum(CASE WHEN newest = 0 THEN total_cost ELSE 0 END) / nullif(max(previous_days), 0) AS change_per_day
FROM weeks
JOIN days ON days.cluster_id = weeks.cluster_id
GROUP BY 1, 2, 3
ORDER BY abs(
  sum(CASE WHEN newest = 1 THEN total_cost ELSE 0 END) / nullif(max(newest_days), 0)
    - sum(CASE WHEN newest = 0 THEN total_cost ELSE 0 END) / nullif(max(previous_days), 0)
) DESC NULLS LAST, 1, 2, 3
