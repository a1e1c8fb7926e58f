-- What did each month cost in each cluster, and how many of its days does the lake have?
SELECT
  substr(CAST(day AS varchar), 1, 7) AS month,
  currency,
  cluster_id,
  count(DISTINCT day) AS days,
  sum(total_cost) AS cost
FROM costs
GROUP BY 1, 2, 3
ORDER BY 1 DESC, 2, 5 DESC, 3
