// The installed header; pkg-config says where it is, and that -lkaio is wanted.
#include <kaio.h>
