-- What does each namespace cost, and how much of all costs in the currency is that? Idle costs have no namespace.
SELECT
  currency,
  cluster_id,
  namespace,
  sum(total_cost) AS cost,
  sum(total_cost) / nullif(sum(sum(total_cost)) OVER (PARTITION BY currency), 0) AS share
FROM costs
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
