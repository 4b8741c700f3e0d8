// Coalitions that recur in other runs
// Group: between runs
// Answers: Which coalitions recur across seeds, valuations or tasks?
// $run (string, required, example "demo/pas.exact"): the run.
// $across (string of seed|valuation|solver|task, optional, default null): only runs that differ in this alone: seed, valuation, solver or task; null takes all.
// $layer (integer >= 0, optional, default null): only this layer; null asks all of them.
// $jaccard (float, optional, default 0.5): a coalition recurs in one that shares more than this of their neurons.
// $size (integer >= 1, optional, default 2): only coalitions of at least so many neurons.
// $limit (integer >= 1, optional, default 50): at most so many, those that recur most often first.
// Empty: none of its coalitions is found again, or there is no such other run of the same base model
// column layer: its layer
// column coalition: a coalition of the run
// column size: number of its members
// column runs: number of other runs in which it is found again
// column of: number of other runs that looked at the layer
// column jaccard: mean Jaccard index with the coalitions in which it is found again
// column tasks: tasks of the runs in which it is found again
// column valuations: their valuations
// column solvers: their solvers
// column seeds: their seeds, where the solver has one
// column fate: what becomes of it
// column coalitions (not in tables): full ids of the coalitions in which it is found again
MATCH (r:Run {id: $run, status: 'complete'})-[:ANALYSES]->(m:Model)
MATCH (o:Run {status: 'complete'})-[:ANALYSES]->(w:Model {name: m.name})
// Solvers are compared whatever their seeds: some have one, some have none.
WHERE o.id <> r.id AND ($across IS NULL OR [$across] =
      [key IN CASE $across WHEN 'solver' THEN ['task', 'valuation', 'solver'] ELSE ['task', 'valuation', 'solver', 'seed'] END
       WHERE coalesce(toString(o[key]), '') <> coalesce(toString(r[key]), '')])
UNWIND [l IN r.layers WHERE l IN o.layers AND ($layer IS NULL OR l = $layer)] AS layer
WITH layer, w.id AS model, collect(o.id) AS others
// Layer by layer, so that no store has to hold all neurons of a run at once.
WITH layer, model, others, COLLECT {
  MATCH (:Run {id: $run})<-[:FOUND_IN]-(c:Coalition)
  WHERE c.layer = layer AND c.size >= $size
  MATCH (c)<-[:MEMBER_OF]-(n:Neuron)
  // Runs of another adapter on the same base model have neurons of their own, at the same places.
  MATCH (s:Neuron {id: model + substring(n.id, size(n.model))})-[:MEMBER_OF]->(d:Coalition)
  WHERE d.run IN others
  WITH c, d, count(*) AS shared
  WITH c, d, 1.0 * shared / (c.size + d.size - shared) AS jaccard
  WHERE jaccard > $jaccard
  RETURN {coalition: c.id, run: d.run, again: d.id, jaccard: jaccard}
} AS found
WITH layer, collect({others: others, found: found}) AS parts
WITH layer, reduce(n = 0, part IN parts | n + size(part.others)) AS of,
     reduce(found = [], part IN parts | found + part.found) AS found
UNWIND found AS one
WITH of, one.coalition AS id, count(DISTINCT one.run) AS runs, avg(one.jaccard) AS jaccard, collect(one) AS found
ORDER BY runs DESC, jaccard DESC, id
LIMIT $limit
MATCH (c:Coalition {id: id})
UNWIND found AS one
MATCH (o:Run {id: one.run})
WITH c, of, runs, jaccard, one.again AS again, o
ORDER BY again
RETURN c.layer AS layer, c.id AS coalition, c.size AS size, runs, of, jaccard, collect(DISTINCT o.task) AS tasks,
       collect(DISTINCT o.valuation) AS valuations, collect(DISTINCT o.solver) AS solvers,
       collect(DISTINCT o.seed) AS seeds, c.fate AS fate, collect(again) AS coalitions
ORDER BY runs DESC, jaccard DESC, coalition
