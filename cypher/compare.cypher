// Two runs compared
// Group: between runs
// Answers: How alike are the coalitions of two runs, layer by layer?
// $run (string, required, example "demo/pas.exact"): one run.
// $other (string, required, example "demo/oca.exact"): another run of the same base model.
// $layer (integer >= 0, optional, default null): only this layer; null compares all that both runs looked at.
// $jaccard (float, optional, default 0.5): coalitions that share more than this of their neurons count as found again.
// $size (integer >= 1, optional, default 2): only coalitions of at least so many neurons, in both runs.
// Empty: the two runs have no layer in common, or are not of the same base model
// column layer: a layer that both runs looked at
// column coalitions: number of coalitions of the run
// column others: number of coalitions of the other
// column same: number of coalitions that both have, neuron for neuron
// column again: number of the run's coalitions that the other has too, by $jaccard
// column jaccard: mean over the run's coalitions of the largest Jaccard index with one of the other
// column jaccard_weighted: the same mean, by the number of neurons
// column jaccard_back: mean over the other's coalitions of the largest Jaccard index with one of the run
// column jaccard_back_weighted: the same mean, by the number of neurons
MATCH (r:Run {id: $run, status: 'complete'})-[:ANALYSES]->(m:Model)
MATCH (o:Run {id: $other, status: 'complete'})-[:ANALYSES]->(:Model {name: m.name})
UNWIND [l IN r.layers WHERE l IN o.layers AND ($layer IS NULL OR l = $layer)] AS layer
// Layer by layer, and by numbers, so that no store has to hold all neurons of a run at once.
WITH layer, COLLECT {
  UNWIND [$run, $other] AS run
  MATCH (:Run {id: run})<-[:FOUND_IN]-(c:Coalition)
  WHERE c.layer = layer AND c.size >= $size
  WITH c, c.rank AS rank, c.size AS size, run = $run AS mine, run = $other AS theirs
  MATCH (c)<-[:MEMBER_OF]-(n:Neuron)
  // By index, as runs of two adapters have two sets of neurons.
  WITH n.index AS neuron, max(CASE WHEN mine THEN rank END) AS a, max(CASE WHEN mine THEN size END) AS a_size,
       max(CASE WHEN theirs THEN rank END) AS b, max(CASE WHEN theirs THEN size END) AS b_size
  WITH a, a_size, b, b_size, count(*) AS shared
  WITH a, a_size, b, b_size, coalesce(1.0 * shared / (a_size + b_size - shared), 0.0) AS jaccard
  UNWIND [[a, a_size, 0], [b, b_size, 1]] AS one
  WITH one[0] AS rank, one[1] AS size, one[2] AS side, jaccard
  WHERE rank IS NOT NULL
  WITH rank, size, side, max(jaccard) AS best
  WITH side, count(*) AS coalitions, sum(CASE WHEN best = 1 THEN 1 ELSE 0 END) AS same,
       sum(CASE WHEN best > $jaccard THEN 1 ELSE 0 END) AS again, avg(best) AS mean,
       sum(best * size) / sum(size) AS weighted
  ORDER BY side
  RETURN {coalitions: coalitions, same: same, again: again, mean: mean, weighted: weighted}
} AS sides
WHERE size(sides) = 2
WITH layer, sides[0] AS run, sides[1] AS other
RETURN layer, run.coalitions AS coalitions, other.coalitions AS others, run.same AS same, run.again AS again,
       run.mean AS jaccard, run.weighted AS jaccard_weighted, other.mean AS jaccard_back,
       other.weighted AS jaccard_back_weighted
ORDER BY layer
