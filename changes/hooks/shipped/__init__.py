"""The two hooks that come with the product. They use the public interface like any other."""
