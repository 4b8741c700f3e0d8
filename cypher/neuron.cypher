// One neuron
// Group: coalitions
// Answers: Which coalition is a neuron in, in every run?
// $layer (integer >= 0, required, example 11): its layer.
// $index (integer >= 0, required, example 123): its place in the layer, from 0.
// Empty: no run loaded has such a neuron
// column model: the model
// column run: the run
// column coalition: the coalition it is in
// column size: number of its members
// column rank: 0 is the largest coalition of the layer
// column utility: how much the neuron likes it
// column origin: how the coalition came about
// column fate: what becomes of it
MATCH (n:Neuron {layer: $layer, index: $index})-[m:MEMBER_OF]->(c:Coalition)-[:FOUND_IN]->(r:Run {status: 'complete'})
RETURN n.model AS model, r.id AS run, c.id AS coalition, c.size AS size, c.rank AS rank, m.utility AS utility,
       c.origin AS origin, c.fate AS fate
ORDER BY model, run
