// Say that a run is whole
// $run (string, required, example "demo/pas.exact"): the run
// $number (integer, required, example 12): its last batch
// $properties (map, required, example {"coalitions": 120}): what was counted
// column written: 1, or 0 where its last batch is not there
MATCH (r:Run {id: $run})
WHERE r.load_step = $number AND r.status = 'loading'
SET r += $properties, r.status = 'complete'
RETURN count(r) AS written
