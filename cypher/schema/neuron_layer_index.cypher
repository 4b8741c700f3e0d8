// Find a Neuron by its layer and index
CREATE INDEX hedonic_neuron_layer_index IF NOT EXISTS FOR (n:Neuron) ON (n.layer, n.index)
