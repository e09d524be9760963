-- The same test or examination again within so many days in another case of the person; the later lines
-- are told. Not of series of treatment and planned visits.
WITH kept AS (
    SELECT c.person, c.case_id, l.case_no, l.line, l.item, l.day, l.second, l.amount
    FROM person_lines l
    JOIN near n ON n.name = 'repeated' AND n.case_no = l.case_no
    JOIN cases c ON c.case_no = l.case_no AND NOT c.exempt
    WHERE l.item >= 0 AND l.day IS NOT NULL
        AND l.kind IN (SELECT kind FROM classes WHERE name = 'tests')
),
found AS (
    SELECT
        k.case_no, k.line, k.item, k.day, k.amount, r.rule, b.row, r.level, b.value,
        max(o.day) AS other_day, max_by(o.case_id, (o.second, o.case_id)) AS other
    FROM kept k
    JOIN (SELECT * FROM rules WHERE sql = 'repeated') r ON true
    JOIN behaviour b ON b.rule = r.rule AND b.parameter = 'within_days'
    JOIN kept o ON o.person = k.person AND o.item = k.item AND o.case_no <> k.case_no
        AND o.day <= k.day AND 10000 * (k.day - o.day)::BIGINT < b.value
        AND (o.second, o.case_id) < (k.second, k.case_id)
    GROUP BY ALL
)
SELECT
    case_no, rule, row, level,
    list_sort(list(line)) AS lines,
    [item] AS items,
    min(day) AS day,
    (10000 * min(day - other_day))::BIGINT AS observed,
    any_value(value) AS allowed,
    'repeat_days' AS unit,
    sum(amount)::BIGINT AS amount,
    [{'key': 'other', 'value': max_by(other, (other_day, other))}] AS evidence
FROM found
GROUP BY case_no, rule, row, level, item
