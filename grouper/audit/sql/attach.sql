-- What the templates of one case and item share: the lines of the item in the case that the row is
-- valid for (in braces stands the template's own text). A case and item that break several rows of a rule
-- are one finding, of the first row.
WITH hits AS ({hits}),
joined AS (
    SELECT h.*, l.line, l.day AS on_day, l.amount
    FROM hits h
    JOIN known l ON l.case_no = h.case_no AND l.item = h.item
    WHERE (l.day IS NULL OR (l.day >= h.since AND l.day < h.until))
        AND (NOT h.reimbursed OR l.scope IN (SELECT scope FROM reimbursed))
        AND (h.second IS NULL OR l.second = h.second)
),
whole AS (
    SELECT
        case_no, rule, row, level, item,
        list_sort(list(line)) AS lines,
        min(on_day) AS day,
        any_value(observed) AS observed,
        any_value(allowed) AS allowed,
        any_value(unit) AS unit,
        sum(amount)::BIGINT AS amount,
        any_value(evidence) AS evidence
    FROM joined
    GROUP BY case_no, rule, row, level, item
)
SELECT
    case_no, rule, row, level, lines, [item] AS items, day, observed, allowed, unit, amount, evidence
FROM whole
QUALIFY row_number() OVER (PARTITION BY case_no, rule, level, item ORDER BY row) = 1
