// Delete some preferences of an analysis and valuation
// $model (string, required, example "smollm2+3f2a"): its model
// $analysis (string, required, example "demo"): the analysis
// $valuation (string, required, example "pas"): the valuation
// $limit (integer, required, example 1000): at most so many
// column deleted: number of edges deleted; 0 when none is left
MATCH (:Neuron {model: $model})-[p:PREFERS {analysis: $analysis, valuation: $valuation}]->(:Neuron)
WITH p LIMIT $limit
DELETE p
RETURN count(*) AS deleted
