// Say that a part is whole
// $part (string, required, example "demo/pas.exact/L07/members"): the part
// $kind (string, required, example "members"): the table it is
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch
// $number (integer, required, example 2): its last batch
// $counts (map, required, example {"rows": 1536}): what was counted
// column written: 1, or 0 where its last batch is not there
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock.
SET p.kind = $kind
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number
SET p += $counts, p.status = 'complete'
REMOVE p.step, p.batch
RETURN count(p) AS written
