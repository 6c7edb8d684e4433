/*
** field_names.h - from fields to column names, and which fields a table has.
*/
#ifndef ORTTO_CLIENT_FIELD_NAMES_H
#define ORTTO_CLIENT_FIELD_NAMES_H



#endif
