// Trees of nodes that are allocated and freed one by one: the allocator, and pointers.
#include <stdio.h>
#include <stdlib.h>

struct node {
  struct node *left, *right;
};

static struct node *grow(int depth) {
  struct node *node = malloc(sizeof *node);
  if (node == NULL) exit(1);
  node->left = depth > 0 ? grow(depth - 1) : NULL;
  node->right = depth > 0 ? grow(depth - 1) : NULL;
  return node;
}

static long count(const struct node *node) {
  return node == NULL ? 0 : 1 + count(node->left) + count(node->right);
}

static void fell(struct node *node) {
  if (node == NULL) return;
  fell(node->left);
  fell(node->right);
  free(node);
}

int main(int argc, char **argv) {
  int depth = argc > 1 ? atoi(argv[1]) : 17;
  struct node *kept = grow(depth);
  long sum = 0;
  for (int at = 4; at <= depth; at += 2) {
    for (long left = 1L << (depth - at + 4); left > 0; left--) {
      struct node *tree = grow(at);
      sum += count(tree);
      fell(tree);
    }
  }
  printf("%ld %ld\n", count(kept), sum);
  fell(kept);
  return 0;
}
