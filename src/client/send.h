/*
** send.h - the whole of a delivery: batches sent side by side, answers turned into outcomes.
*/
#ifndef ORTTO_CLIENT_SEND_H
#define ORTTO_CLIENT_SEND_H



#endif
