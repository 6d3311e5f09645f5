"""The screens. A view reads the address, asks a selector, and renders."""
