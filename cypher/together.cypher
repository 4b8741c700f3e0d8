// Neurons that are always together
// Group: between runs
// Answers: Which neurons end up in one coalition in every run?
// $runs (list, optional, default null): only these runs; null takes all of a base model but random partitions.
// $layer (integer >= 0, optional, default null): only this layer; null asks all of them.
// $size (integer >= 1, optional, default 2): only groups of at least so many neurons.
// $limit (integer >= 1, optional, default 50): at most so many groups, the largest first.
// Empty: no neurons of the runs loaded are always together, or there is only one run
// column model: the base model
// column layer: their layer
// column size: number of neurons that are together in every run
// column runs: number of runs
// column neurons: their places in the layer
// column coalitions (not in tables): full ids of the coalitions that they share
MATCH (r:Run {status: 'complete'})-[:ANALYSES]->(m:Model)
WHERE CASE WHEN $runs IS NULL THEN coalesce(r.solver, '') <> 'random' ELSE r.id IN $runs END
UNWIND r.layers AS layer
WITH m.name AS model, layer, collect(r.id) AS looked
WHERE size(looked) > 1 AND ($layer IS NULL OR layer = $layer)
// Layer by layer, and by numbers, so that no store has to hold all neurons of all runs at once.
WITH model, layer, looked, COLLECT {
  UNWIND range(0, size(looked) - 1) AS number
  MATCH (:Run {id: looked[number]})<-[:FOUND_IN]-(c:Coalition)
  WHERE c.layer = layer
  WITH c, number * 1000000 + c.rank AS place
  MATCH (c)<-[:MEMBER_OF]-(n:Neuron)
  // By index, as runs of two adapters have two sets of neurons.
  WITH n.index AS neuron, collect(place) AS places
  // Before they are collected: rows that carry whole groups are more than a store sorts in its memory.
  ORDER BY neuron
  WITH neuron, [number IN range(0, size(places) - 1) | head([place IN places WHERE place / 1000000 = number])] AS places
  WITH places, collect(neuron) AS neurons
  WHERE size(neurons) >= $size
  RETURN neurons
  ORDER BY size(neurons) DESC, neurons[0]
  LIMIT $limit
} AS groups
UNWIND groups AS neurons
WITH model, layer, looked, neurons, neurons[0] AS first
ORDER BY size(neurons) DESC, model, layer, first
LIMIT $limit
MATCH (:Neuron {layer: layer, index: first})-[:MEMBER_OF]->(c:Coalition)
WHERE c.run IN looked
WITH model, layer, first, neurons, c.id AS coalition
ORDER BY coalition
WITH model, layer, first, neurons, collect(coalition) AS coalitions
RETURN model, layer, size(neurons) AS size, size(coalitions) AS runs, neurons, coalitions
ORDER BY size DESC, model, layer, first
