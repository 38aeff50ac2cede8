# Stands where terraform destroy or cdk destroy would be. The one argument is
# the name of the environment.
set -eu

network=net-$(printf %s "$1" | cksum | cut -d ' ' -f 1)
echo "load balancer: gone"
echo "network $network: gone"
