-- What will the newest month cost? The costs of its days so far, and for each other day of the month, past or to come, what a day costs on
-- average in the 7 newest days of the lake.
WITH newest AS (
  SELECT max(day) AS day, CAST(date_trunc('month', max(day)) AS date) AS month FROM costs
),
rates AS (
  SELECT currency, sum(total_cost) / count(DISTINCT day) AS run_rate
  FROM costs
  WHERE day > (SELECT day FROM newest) - INTERVAL '7' DAY
  GROUP BY 1
),
months AS (
  SELECT currency, count(DISTINCT day) AS days, sum(total_cost) AS cost
  FROM costs
  WHERE day >= (SELECT month FROM newest)
  GROUP BY 1
)
SELECT
  substr(CAST(newest.month AS varchar), 1, 7) AS month,
  months.currency,
  months.days,
  date_diff('day', newest.month, CAST(newest.month + INTERVAL '1' MONTH AS date)) AS days_in_month,
  months.cost,
  rates.run_rate,
  months.cost + rates.run_rate * (date_diff('day', newest.month, CAST(newest.month + INTERVAL '1' MONTH AS date)) - months.days) AS forecast
FROM months
JOIN rates ON rates.currency = months.currency
CROSS JOIN newest
ORDER BY 2
