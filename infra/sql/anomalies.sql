-- On which of the 7 newest days did a namespace cost unusually much or little?
-- A day is unusual if it is further from the median of the namespace's 14 days before it than 5 times their scaled median absolute deviation
-- (MAD), than a tenth of the median, and than 1 unit of currency. Namespaces with fewer than 7 such days are left out. Medians come from sorted
-- arrays: Trino has no exact median.
WITH daily AS (
  SELECT currency, cluster_id, namespace, day, sum(total_cost) AS cost
  FROM costs
  GROUP BY 1, 2, 3, 4
),
windows AS (
  SELECT
    latest.currency,
    latest.cluster_id,
    latest.namespace,
    latest.day,
    latest.cost,
    array_agg(before.cost ORDER BY before.cost) AS sorted,
    count(*) AS days
  FROM daily AS latest
  JOIN daily AS before
    ON before.currency = latest.currency
    AND before.cluster_id = latest.cluster_id
    AND before.namespace = latest.namespace
    AND before.day < latest.day
    AND before.day >= latest.day - INTERVAL '14' DAY
  WHERE latest.day > (SELECT max(day) FROM daily) - INTERVAL '7' DAY
  GROUP BY 1, 2, 3, 4, 5
  HAVING count(*) >= 7
),
medians AS (
  SELECT
    currency,
    cluster_id,
    namespace,
    day,
    cost,
    (sorted[CAST(floor((days + 1) / 2.0) AS integer)] + sorted[CAST(floor(days / 2.0) AS integer) + 1]) / 2 AS median
  FROM windows
),
deviations AS (
  SELECT
    medians.currency,
    medians.cluster_id,
    medians.namespace,
    medians.day,
    medians.cost,
    medians.median,
    array_agg(abs(before.cost - medians.median) ORDER BY abs(before.cost - medians.median)) AS sorted,
    count(*) AS days
  FROM medians
  JOIN daily AS before
    ON before.currency = medians.currency
    AND before.cluster_id = medians.cluster_id
    AND before.namespace = medians.namespace
    AND before.day < medians.day
    AND before.day >= medians.day - INTERVAL '14' DAY
  GROUP BY 1, 2, 3, 4, 5, 6
),
scored AS (
  SELECT
    currency,
    cluster_id,
    namespace,
    day,
    cost,
    median,
    (sorted[CAST(floor((days + 1) / 2.0) AS integer)] + sorted[CAST(floor(days / 2.0) AS integer) + 1]) / 2 AS mad
  FROM deviations
)
SELECT currency, cluster_id, namespace, day, cost, median, mad
FROM scored
WHERE abs(cost - median) > 5 * 1.4826 * mad AND abs(cost - median) > abs(median) / 10 AND abs(cost - median) > 1
ORDER BY abs(cost - median) DESC, 1, 2, 3, 4
