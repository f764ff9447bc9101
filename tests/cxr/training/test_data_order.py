"""The order of training images: a function of seed and epoch."""

import numpy as np

from cxr.training import data_order


def test_the_order_is_a_function_of_seed_and_epoch():
    assert data_order.minibatches(40, 8, 1, 0)[0].tolist() == data_order.minibatches(40, 8, 1, 0)[0].tolist()
    assert data_order.epoch_order(40, 1, 0).tolist() != data_order.epoch_order(40, 1, 1).tolist()
    assert data_order.epoch_order(40, 1, 0).tolist() != data_order.epoch_order(40, 2, 0).tolist()
    assert sorted(np.concatenate(data_order.minibatches(40, 8, 1, 0))) == list(range(40))
