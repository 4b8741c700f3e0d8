// Write how coalitions of one layer align with features
// $part (string, required, example "demo/pas.exact/L07/alignments"): the part being loaded
// $fingerprint (string, required, example "3f2a"): of its content
// $batch (integer, required, example 1000): rows in a batch, the same for all batches of a part
// $number (integer, required, example 1): which batch of the part this is; it is written only right after the one before it
// $coalitions (string, required, example "demo/pas.exact/L07/"): what the coalitions' keys begin with
// $coalition (list, required, example ["C0000"]): the rest of each coalition's key
// $feature (list, required, example ["idf"]): name of the feature
// $family (list, required, example ["terms"]): what the feature is made from
// $r2 (list, required, example [0.5]): squared correlation
// column written: number of edges written now
MATCH (p:Part {id: $part})
// Writing what is there already takes the lock, so that of two loaders only one writes this batch.
SET p.kind = 'alignments'
WITH p
WHERE p.status = 'loading' AND p.fingerprint = $fingerprint AND p.batch = $batch AND p.step = $number - 1
SET p.step = $number
WITH p
UNWIND range(0, size($coalition) - 1) AS i
MATCH (c:Coalition {id: $coalitions + $coalition[i]})
MERGE (f:Feature {name: $feature[i]})
ON CREATE SET f.family = $family[i]
CREATE (c)-[e:ALIGNS_WITH {r2: $r2[i]}]->(f)
RETURN count(e) AS written
