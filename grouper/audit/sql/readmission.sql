-- A stay that begins within so many days of the end of another one of the same person, with a principal
-- diagnosis of the same three-character category. Splitting is a matter of one hospital; a return to
-- another one is told apart. Series of treatment and births are no splits (table `exempt`); nor are
-- transfers.
WITH pairs AS (
    SELECT
        n.case_no, n.first_day, b.rule, b.row, b.value, r.level,
        o.case_id AS other, o.last_day AS other_end, n.hospital IS NOT DISTINCT FROM o.hospital AS here,
        n.category, o.principal AS other_principal, n.principal,
        row_number() OVER (
            PARTITION BY n.case_no, b.rule ORDER BY o.last_day DESC, o.case_id
        ) AS number,
        n.total
    FROM cases n
    JOIN cases o ON o.person = n.person AND o.case_no <> n.case_no AND o.category = n.category
        AND o.inpatient AND o.last_day <= n.first_day AND o.first_day < n.first_day
    JOIN behaviour b ON b.parameter = 'return_days' AND (n.first_day - o.last_day) * 10000 <= b.value
    JOIN rules r ON r.rule = b.rule AND r.sql IN ('split', 'return')
    WHERE n.inpatient AND NOT n.exempt AND NOT o.exempt AND NOT o.transferred
        AND (n.hospital IS NOT DISTINCT FROM o.hospital) = (r.sql = 'split')
)
SELECT
    case_no, rule, row, level, []::INTEGER[] AS lines, []::INTEGER[] AS items, first_day AS day,
    (10000 * (first_day - other_end))::BIGINT AS observed,
    value AS allowed,
    'return_days' AS unit,
    coalesce(total, 0) AS amount,
    [
        {'key': 'other', 'value': other},
        {'key': 'other_end', 'value': day_words(other_end)},
        {'key': 'category', 'value': category}
    ] AS evidence
FROM pairs
WHERE number = 1
