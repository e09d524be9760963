-- Herb pieces that are not paid for at all, and those that are not paid for alone: where all herbs of
-- the prescription are such. A prescription is what is charged of herbs in one second.
WITH herbs AS (
    SELECT
        l.case_no, l.second, l.item, p.rule, p.row, p.level, p.since, p.until, p."when"
    FROM known l
    LEFT JOIN p_excluded p ON p.item = l.item
    WHERE p.item IS NOT NULL OR l.item IN (SELECT item FROM herb_items)
),
others AS (
    SELECT DISTINCT case_no, second
    FROM herbs
    GROUP BY case_no, second, item
    HAVING count(rule) = 0
)
SELECT
    h.case_no, h.rule, h.row, h.level, h.item, h.since, h.until, true AS reimbursed,
    CASE WHEN h."when" = 'alone' THEN h.second END AS second,
    NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    [{'key': 'when', 'value': h."when"}] AS evidence
FROM herbs h
LEFT JOIN others o ON o.case_no = h.case_no AND o.second = h.second
WHERE h."when" = 'always'
    OR (h."when" = 'alone' AND h.second IS NOT NULL AND o.case_no IS NULL)
GROUP BY ALL
