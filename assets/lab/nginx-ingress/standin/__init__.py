"""A stand-in for F5's NGINX ingress controller (nginx/nginx-ingress 5.5), for closed networks.

Same arguments, ports, class, Secrets, readiness, status and redirect rules as the original, as far as a
rehearsal needs them; what it does not do it refuses, where the original would do it or pass over it.

    cluster   watches the objects        flags, annotations, configmap   what may be asked for
    model     objects -> virtual hosts   render                          virtual hosts -> nginx.conf
    nginx     the NGINX process          report                          lease, status, events
"""
