// Write coalitions of one layer, and that the run found them
// $part (string, required, example "demo/pas.exact/L07/coalitions"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $run (string, required, example "demo/pas.exact"): their run's key
// $layer (integer, required, example 7): their layer
// $prefix (string, required, example "demo/pas.exact/L07/"): what their keys begin with
// $coalition (list, required, example ["C0000"]): the rest of each one's key
// $rank (list, required, example [0]): 0 is the largest of the layer
// $size (list, required, example [12]): number of members
// $fate (list, required, example ["persist"]): what becomes of each
// $origin (list, required, example ["split"]): how each came about
// $confidence (list, required, example [0.5]): mean frequency of its pairs over resamples
// $pair (list, required, example [0.1]): pairwise synergy
// $ratio (list, required, example [1.5]): synergy ratio
// $drop (list, required, example [0.01]): loss of the metric when it is ablated
// $r2 (list, required, example [0.5]): best alignment with a feature
// $feature (list, required, example ["idf"]): feature of best alignment
// column written: number of coalitions written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'coalitions'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
MATCH (r:Run {id: $run})
UNWIND range(0, size($coalition) - 1) AS i
CREATE (c:Coalition {
  id: $prefix + $coalition[i], run: $run, layer: $layer, rank: $rank[i], size: $size[i], fate: $fate[i],
  origin: $origin[i], confidence: $confidence[i], pair: $pair[i], ratio: $ratio[i], drop: $drop[i], r2: $r2[i],
  feature: $feature[i]
})
CREATE (c)-[:FOUND_IN]->(r)
RETURN count(c) AS written
