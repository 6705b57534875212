"""The quickstart: networks trained on Fashion-MNIST, and the figures of what infostrata finds."""
