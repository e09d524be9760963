-- The items of each case that templates of one case and item ask about.
SELECT case_no, item, min(day) AS day, max(day) AS last_day
FROM daily
WHERE item IN (SELECT item FROM attributes)
GROUP BY case_no, item
