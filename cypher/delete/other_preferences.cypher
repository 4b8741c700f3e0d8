// Say that the preferences of a layer are being deleted, where they are of other content
// $part (string, required, example "demo/pas/L07/preferences"): the part
// $fingerprint (string, required, example "3f2a"): of the content that is to take their place
// column claimed: 1, or 0 where they have that content
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock.
SET p.kind = 'preferences'
WITH p
WHERE p.fingerprint <> $fingerprint
SET p.step = CASE p.status WHEN 'deleting' THEN p.step ELSE 0 END, p.status = 'deleting'
RETURN count(p) AS claimed
