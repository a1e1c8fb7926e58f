-- Do the nodes' costs agree with AWS's bill? Compares each instance's cost in the lake with its lines in the Cost and Usage Report.
-- `cur2` is a CUR 2.0 export as a table in the same database; change its name to yours. Its unblended cost is without discounts and commitments:
-- use split or net columns where your agreement with AWS has them. Instances that only one of the two has are kept, and so are costs in
-- different currencies.
WITH lake AS (
  SELECT day, currency, provider_id, sum(cpu_cost + ram_cost + gpu_cost) AS lake_cost
  FROM costs
  WHERE provider_id <> ''
  GROUP BY 1, 2, 3
),
bill AS (
  SELECT
    CAST(line_item_usage_start_date AS date) AS day,
    line_item_currency_code AS currency,
    line_item_resource_id AS provider_id,
    sum(line_item_unblended_cost) AS bill_cost
  FROM cur2
  WHERE line_item_product_code = 'AmazonEC2' AND line_item_resource_id LIKE 'i-%'
  GROUP BY 1, 2, 3
)
SELECT
  CAST(coalesce(lake.day, bill.day) AS varchar) AS day,
  coalesce(lake.currency, bill.currency) AS currency,
  coalesce(lake.provider_id, bill.provider_id) AS provider_id,
  lake.lake_cost,
  bill.bill_cost,
  coalesce(lake.lake_cost, 0) - coalesce(bill.bill_cost, 0) AS difference
FROM lake
FULL OUTER JOIN bill ON bill.day = lake.day AND bill.currency = lake.currency AND bill.provider_id = lake.provider_id
ORDER BY abs(coalesce(lake.lake_cost, 0) - coalesce(bill.bill_cost, 0)) DESC, 1, 2, 3
