/*
** reader.h - opens the right way of reading, then row by row.
*/
#ifndef ORTTO_CLIENT_READER_H
#define ORTTO_CLIENT_READER_H



#endif
