-- Which workloads have load balancers, and what do they cost?
SELECT
  currency,
  cluster_id,
  namespace,
  controller,
  sum(load_balancer_cost) AS cost
FROM costs
WHERE load_balancer_cost <> 0
GROUP BY 1, 2, 3, 4
ORDER BY 5 DESC, 1, 2, 3, 4
