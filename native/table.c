/* Things by their ids: a chained hash table of fixed width. */
#include "core.h"

static struct node **slot(struct table *table, uint32_t id) { return &table->slots[id % 1024]; }

void *table_find(const struct table *table, uint32_t id) {
    struct node *node = table->slots[id % 1024];
    while (node && node->id != id) node = node->next;
    return node;
}

void table_add(struct table *table, struct node *node) {
    struct node **at = slot(table, node->id);
    node->next = *at;
    *at = node;
    table->count++;
}

void table_remove(struct table *table, struct node *node) {
    struct node **at = slot(table, node->id);
    while (*at != node) at = &(*at)->next;
    *at = node->next;
    table->count--;
}
