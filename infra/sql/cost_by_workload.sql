-- What does each workload (deployment, stateful set, job ...) cost, by kind of cost?
SELECT
  currency,
  cluster_id,
  namespace,
  controller_kind,
  controller,
  sum(cpu_cost) AS cpu_cost,
  sum(ram_cost) AS ram_cost,
  sum(gpu_cost) AS gpu_cost,
  sum(pv_cost) AS pv_cost,
  sum(network_cost) AS network_cost,
  sum(load_balancer_cost) AS load_balancer_cost,
  sum(total_cost) AS cost
FROM costs
WHERE row_kind = 'workload'
GROUP BY 1, 2, 3, 4, 5
ORDER BY 12 DESC, 1, 2, 3, 4, 5
