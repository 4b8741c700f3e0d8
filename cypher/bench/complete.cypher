// Say that a run is whole, as the plain loader does
// $run (string, required, example "bench/pas.pac.0"): the run
// $properties (map, required, example {"coalitions": 120}): what was counted
// column written: 1
MATCH (r:Run {id: $run})
SET r += $properties, r.status = 'complete'
RETURN count(r) AS written
