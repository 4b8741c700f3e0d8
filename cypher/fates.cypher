// Fates per layer
// Group: lineage
// Answers: What becomes of each layer's coalitions, beside chance?
// $run (string, optional, default null): only this run; null asks all of them.
// Empty: no coalition of the runs loaded was followed to a next layer
// column run: the run
// column layer: the layer
// column next: the next layer analysed
// column coalitions: number of coalitions that were followed (singletons are not, unless the analysis says so)
// column persist: per cent that persist
// column merge: per cent that merge
// column split: per cent that split
// column vanish: per cent that vanish
// column persist_shuffled: per cent that persist under shuffled membership of the next layer, which is chance
// column merge_shuffled: the same for those that merge
// column split_shuffled: the same for those that split
// column vanish_shuffled: the same for those that vanish
MATCH (r:Run {status: 'complete'})
WHERE $run IS NULL OR r.id = $run
MATCH (r)<-[:FOUND_IN]-(c:Coalition)
WHERE c.fate IS NOT NULL
WITH r, c.layer AS layer, count(c) AS coalitions, size([l IN r.layers WHERE l < c.layer]) AS step,
     sum(CASE c.fate WHEN 'persist' THEN 1 ELSE 0 END) AS persist,
     sum(CASE c.fate WHEN 'merge' THEN 1 ELSE 0 END) AS merge,
     sum(CASE c.fate WHEN 'split' THEN 1 ELSE 0 END) AS split,
     sum(CASE c.fate WHEN 'vanish' THEN 1 ELSE 0 END) AS vanish
RETURN r.id AS run, layer, head([l IN r.layers WHERE l > layer]) AS next, coalitions,
       100.0 * persist / coalitions AS persist, 100.0 * merge / coalitions AS merge,
       100.0 * split / coalitions AS split, 100.0 * vanish / coalitions AS vanish,
       r.persist_shuffled[step] AS persist_shuffled, r.merge_shuffled[step] AS merge_shuffled,
       r.split_shuffled[step] AS split_shuffled, r.vanish_shuffled[step] AS vanish_shuffled
ORDER BY run, layer
