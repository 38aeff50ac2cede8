# Stands where terraform destroy or cdk destroy would be. The one argument is
# the name of the environment.
set -eu

rest=$1 number=0
while [ -n "$rest" ]; do
	first=${rest%"${rest#?}"} rest=${rest#?}
	number=$(((number * 31 + $(printf %d "'$first")) % 1000000007))
done
network=net-$number
echo "load balancer: gone"
echo "network $network: gone"
