// Say that a run is whole, where all of its parts are; they are not needed any more
// $run (string, required, example "demo/pas.exact"): the run
// $analysis (string, required, example "demo"): its analysis
// $fingerprint (string, required, example "3f2a"): of its content
// $own (list, required, example ["demo/pas.exact/L07/members"]): its own parts
// $shared (list, required, example ["smollm2+3f2a/L07/neurons"]): the parts that it shares with other runs
// column written: number of its own parts, or 0 where one of all these is not whole
MATCH (r:Run {id: $run})
// Writing what is there already takes the lock.
SET r.analysis = $analysis
WITH r
WHERE r.status = 'loading' AND r.fingerprint = $fingerprint
UNWIND $own + $shared AS id
MATCH (p:Part {id: id})
WHERE p.status = 'complete'
WITH r, collect(p) AS parts
WHERE size(parts) = size($own) + size($shared)
SET r.status = 'complete',
    r.coalitions = reduce(n = 0, p IN parts | n + CASE p.kind WHEN 'coalitions' THEN p.rows ELSE 0 END),
    r.interactions = reduce(n = 0, p IN parts | n + CASE p.kind WHEN 'interactions' THEN p.rows ELSE 0 END),
    r.events = reduce(n = 0, p IN parts | n + coalesce(p.events, 0))
WITH parts
UNWIND parts AS p
WITH p
WHERE p.id IN $own
DELETE p
RETURN count(*) AS written
