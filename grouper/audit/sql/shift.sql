-- Lines of visits for what a stay of the person is charged for, too: of visits on a day strictly within
-- the stay, whoever pays them; of visits so many days before or after it, those that the person pays
-- alone. Lines of attendance, bed and nursing are not told, nor series of treatment.
WITH pairs AS (
    SELECT
        v.case_no, s.case_no AS stay_no, s.case_id AS other, s.first_day, s.last_day, r.rule, b.row,
        r.level, v.first_day > s.first_day AND v.first_day < coalesce(s.last_day, v.first_day + 1) AS inside
    FROM cases v
    JOIN (SELECT * FROM rules WHERE sql = 'shift') r ON true
    JOIN behaviour b ON b.rule = r.rule AND b.parameter = 'around_days'
    JOIN cases s ON s.person = v.person AND s.inpatient AND NOT s.exempt
        AND v.first_day >= s.first_day - b.value // 10000
        AND v.first_day <= coalesce(s.last_day, v.first_day) + b.value // 10000
    WHERE v.outpatient AND NOT v.exempt
),
found AS (
    SELECT
        l.case_no, l.line, l.item, l.day, l.amount, p.rule, p.row, p.level, p.inside, p.other,
        p.first_day, p.last_day
    FROM pairs p
    JOIN person_lines l ON l.case_no = p.case_no AND l.item >= 0
        AND l.kind IN (SELECT kind FROM classes WHERE name = 'care')
    SEMI JOIN stay_items i ON i.case_no = p.stay_no AND i.item = l.item
    WHERE p.inside OR (l.scope <> 0 AND l.scope NOT IN (SELECT scope FROM reimbursed))
    -- Of several stays the one that the visit lies in, else the earliest.
    QUALIFY row_number() OVER (
        PARTITION BY l.case_no, l.line, p.rule ORDER BY p.inside DESC, p.first_day, p.other
    ) = 1
)
SELECT
    case_no, rule, row, level,
    list_sort(list(line)) AS lines,
    list_sort(list(DISTINCT item)) AS items,
    min(day) AS day,
    NULL::BIGINT AS observed, NULL::BIGINT AS allowed, NULL::VARCHAR AS unit,
    sum(amount)::BIGINT AS amount,
    [
        {'key': 'shifted', 'value': CASE WHEN inside THEN 'inside' ELSE 'beside' END},
        {'key': 'other', 'value': other},
        {'key': 'admitted', 'value': day_words(any_value(first_day))},
        {'key': 'discharged', 'value': coalesce(day_words(any_value(last_day)), '')}
    ] AS evidence
FROM found
GROUP BY case_no, rule, row, level, inside, other
